@text = private constant [15 x i8] c"Hello, module!\00"

define ptr @greeting() {
  ret ptr @text
}
