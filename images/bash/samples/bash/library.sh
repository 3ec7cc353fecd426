printf '%s\n' 6 7 | paste -sd'*' | sed 's/.*/$((&))/' | {
    read -r product
    eval "echo $product"
}
