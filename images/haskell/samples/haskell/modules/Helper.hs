module Helper (greeting) where

greeting :: String
greeting = "Hello, module!"
