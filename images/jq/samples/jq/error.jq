error("broken")
