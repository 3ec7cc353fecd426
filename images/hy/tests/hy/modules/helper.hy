(defn greeting [] "Hello, module!")
