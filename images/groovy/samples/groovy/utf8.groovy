println "Größe 日本"
println System.in.newReader("UTF-8").readLine()
