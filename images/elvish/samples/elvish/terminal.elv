print "name? "
echo "Hello, "(read-line)"!"
