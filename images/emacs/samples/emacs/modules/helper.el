(defun greeting ()
  "Hello, module!")
