import Helper (greeting)

main :: IO ()
main = putStrLn greeting
