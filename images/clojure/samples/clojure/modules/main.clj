(load-file "helper.clj")

(println (greeting))
