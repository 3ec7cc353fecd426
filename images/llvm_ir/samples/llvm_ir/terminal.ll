@prompt = private constant [7 x i8] c"name? \00"
@format = private constant [5 x i8] c"%79s\00"
@answer = private constant [12 x i8] c"Hello, %s!\0A\00"

declare i32 @printf(ptr, ...)
declare i32 @scanf(ptr, ...)

define i32 @main() {
  %name = alloca [80 x i8]
  call i32 (ptr, ...) @printf(ptr @prompt)
  call i32 (ptr, ...) @scanf(ptr @format, ptr %name)
  call i32 (ptr, ...) @printf(ptr @answer, ptr %name)
  ret i32 0
}
