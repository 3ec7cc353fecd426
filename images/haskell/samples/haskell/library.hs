import qualified Data.Map.Strict as Map
import qualified Data.Text as Text

main :: IO ()
main = print (product (Map.fromList (zip (Text.words (Text.pack "a b")) [6 :: Integer, 7])))
