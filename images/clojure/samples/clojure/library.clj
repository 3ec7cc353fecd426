(require '[clojure.edn :as edn])

(println (apply * (:answer (edn/read-string "{:answer [6 7]}"))))
