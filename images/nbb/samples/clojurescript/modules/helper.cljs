(ns helper)

(defn greeting [] "Hello, module!")
