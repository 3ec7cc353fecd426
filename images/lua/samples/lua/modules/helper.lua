local helper = {}

function helper.greeting()
  return "Hello, module!"
end

return helper
