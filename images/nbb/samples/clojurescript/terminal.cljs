(require '["readline" :as readline])

(let [terminal (.createInterface readline #js {:input js/process.stdin :output js/process.stdout})]
  (.question terminal "name? "
             (fn [name]
               (println (str "Hello, " name "!"))
               (.close terminal))))
