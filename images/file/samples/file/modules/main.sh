#!/bin/sh
. ./helper.sh
greeting
