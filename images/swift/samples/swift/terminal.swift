print("name? ", terminator: "")
print("Hello, \(readLine()!)!")
