import System.Posix.User

main :: IO ()
main = do
    user <- getRealUserID >>= getUserEntryForID
    putStrLn (userName user ++ " " ++ homeDirectory user)
