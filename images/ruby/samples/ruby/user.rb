require 'etc'

user = Etc.getpwuid
raise unless Etc.getlogin == user.name && Dir.home('user') == Dir.home
puts "#{user.name} #{user.dir}"
