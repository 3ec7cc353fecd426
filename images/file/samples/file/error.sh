#!/bin/sh
: "${missing:?is not set}"
