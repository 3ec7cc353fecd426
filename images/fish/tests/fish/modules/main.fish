source helper.fish
greeting
