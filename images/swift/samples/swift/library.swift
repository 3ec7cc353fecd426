import Foundation

let numbers = try JSONDecoder().decode([Int].self, from: Data("[6, 7]".utf8))
print(numbers.reduce(1, *))
