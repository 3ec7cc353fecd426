declare i32 @puts(ptr)

define i32 @main(i32 %count, ptr %arguments) {
  br label %next

next:
  %i = phi i32 [ 1, %0 ], [ %following, %show ]
  %over = icmp sge i32 %i, %count
  br i1 %over, label %done, label %show

show:
  %place = getelementptr ptr, ptr %arguments, i32 %i
  %argument = load ptr, ptr %place
  call i32 @puts(ptr %argument)
  %following = add i32 %i, 1
  br label %next

done:
  ret i32 0
}
