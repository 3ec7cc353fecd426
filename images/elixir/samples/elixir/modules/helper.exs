defmodule Helper do
  def greeting, do: "Hello, module!"
end
