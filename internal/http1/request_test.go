package http1

var defaults = RequestOptions{IgnoreInvalidHeaders: true, MaxHeaders: 1000, LineLimit: 8192, TotalLimit: 32768}
