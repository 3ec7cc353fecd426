(raise (RuntimeError "broken"))
