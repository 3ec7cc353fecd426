import System.IO

main :: IO ()
main = do
    putStr "name? "
    hFlush stdout
    name <- getLine
    putStrLn ("Hello, " ++ name ++ "!")
