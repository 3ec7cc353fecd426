(require '["fs" :as fs])

(println "Größe 日本")
(print (str (.readFileSync fs 0)))
