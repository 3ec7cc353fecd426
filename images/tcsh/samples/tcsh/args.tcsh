foreach argument ($argv:q)
    echo "$argument"
end
