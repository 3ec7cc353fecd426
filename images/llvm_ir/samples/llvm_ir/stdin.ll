declare i32 @getchar()
declare i32 @putchar(i32)

define i32 @main() {
  br label %next

next:
  %character = call i32 @getchar()
  %over = icmp slt i32 %character, 0
  br i1 %over, label %done, label %show

show:
  call i32 @putchar(i32 %character)
  br label %next

done:
  ret i32 0
}
