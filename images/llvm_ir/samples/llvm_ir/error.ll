@name = private constant [7 x i8] c"broken\00"

declare void @perror(ptr)
declare void @abort()

define i32 @main() {
  call void @perror(ptr @name)
  call void @abort()
  unreachable
}
