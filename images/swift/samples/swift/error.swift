fatalError("broken")
