(require '[clojure.java.io :as io])
(import '(java.net ServerSocket Socket))

(with-open [server (ServerSocket. 8080)
            client (Socket. "localhost" 8080)]
  (with-open [writer (io/writer (.accept server))]
    (.write writer "Hello, localhost!\n"))
  (println (.readLine (io/reader client))))
