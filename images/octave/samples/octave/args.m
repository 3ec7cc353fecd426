arguments = argv();
for i = 1:numel(arguments)
  disp(arguments{i})
end
