print "name? "
println "Hello, ${System.in.newReader().readLine()}!"
