: echo begin key dup 10 <> while emit repeat drop cr ;
." Größe 日本" cr
echo
