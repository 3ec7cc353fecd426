@text = private constant [15 x i8] c"Gr\C3\B6\C3\9Fe \E6\97\A5\E6\9C\AC\00"

declare i32 @puts(ptr)
declare i32 @getchar()
declare i32 @putchar(i32)

define i32 @main() {
  call i32 @puts(ptr @text)
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
