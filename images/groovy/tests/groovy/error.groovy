throw new IllegalStateException("broken")
