: echo begin key dup 10 <> while emit repeat drop cr ;
echo
