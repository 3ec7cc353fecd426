declare i32 @puts(ptr)
declare ptr @greeting()

define i32 @main() {
  %text = call ptr @greeting()
  call i32 @puts(ptr %text)
  ret i32 0
}
