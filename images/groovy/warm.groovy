def squares = (1..5).findAll { it % 2 == 1 }.collect { it * it }
println "${squares.sum()} ${squares.join(', ')}"
