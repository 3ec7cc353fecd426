(require '["fs" :as fs])

(print (str (.readFileSync fs 0)))
