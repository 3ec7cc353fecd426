(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get"
    (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get"
    (func $args_get (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\n")
  (func $write (param $from i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $from))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start")
    (local $i i32) (local $from i32) (local $length i32)
    (drop (call $args_sizes_get (i32.const 24) (i32.const 28)))
    (drop (call $args_get (i32.const 100) (i32.const 1000)))
    (local.set $i (i32.const 1))
    (loop $next
      (local.set $from (i32.load (i32.add (i32.const 100) (i32.mul (i32.const 4) (local.get $i)))))
      (local.set $length (i32.const 0))
      (loop $count
        (if (i32.load8_u (i32.add (local.get $from) (local.get $length)))
          (then
            (local.set $length (i32.add (local.get $length) (i32.const 1)))
            (br $count))))
      (call $write (local.get $from) (local.get $length))
      (call $write (i32.const 16) (i32.const 1))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.load (i32.const 24)))))))
