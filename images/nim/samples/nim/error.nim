raise newException(ValueError, "broken")
