import Foundation

print(NSUserName(), NSHomeDirectory())
