require "system/user"

user = System::User.find_by(name: "user")
puts "#{user.username} #{user.home_directory}"
