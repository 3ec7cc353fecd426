(require '[clojure.string :as string])
(defn square [x] (* x x))
(println (string/join " " (map square (filter odd? (range 5)))))
