let number: int = "text"
