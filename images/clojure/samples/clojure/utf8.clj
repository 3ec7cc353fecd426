(println "Größe 日本")
(println (read-line))
