for argument in $argv
    echo $argument
end
