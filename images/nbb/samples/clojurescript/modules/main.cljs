(ns main
  (:require [helper]))

(println (helper/greeting))
