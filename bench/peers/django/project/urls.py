"""The routes of docs/api.md that this project has."""
from django.urls import path
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from accounts.views import Me, Signup, VerifyEmail

urlpatterns = [
    path("api/auth/signup", Signup.as_view()),
    path("api/auth/verify-email", VerifyEmail.as_view()),
    path("api/auth/login", TokenObtainPairView.as_view()),
    path("api/auth/token/refresh", TokenRefreshView.as_view()),
    path("api/auth/me", Me.as_view()),
]
