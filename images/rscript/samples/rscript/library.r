model <- lm(y ~ x, data.frame(x = 1:3, y = c(2, 4, 6)))
cat(round(predict(model, data.frame(x = 21))), "\n", sep = "")
