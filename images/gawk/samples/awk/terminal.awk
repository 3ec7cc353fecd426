BEGIN {
    printf "name? "
    fflush()
    getline name < "-"
    print "Hello, " name "!"
}
