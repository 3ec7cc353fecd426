main :: IO ()
main = do
  putStrLn "Größe 日本"
  getLine >>= putStrLn
