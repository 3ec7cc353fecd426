function greeting
    echo "Hello, module!"
end
